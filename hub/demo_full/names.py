"""Names of people by the ways of naming of ``places``: family names and given names.

Invented people: any likeness comes from these being names that many bear.
"""

# Tables: rows are kept on one line, words in one text.
# ruff: noqa: E501, SIM905

from __future__ import annotations

from typing import Final

#: Chinese family names with their reading.
CHINESE_FAMILY: Final = (
    "王Wang 李Li 张Zhang 刘Liu 陈Chen 杨Yang 黄Huang "
    "赵Zhao 吴Wu 周Zhou 徐Xu 孙Sun 马Ma 朱Zhu 胡Hu 郭Guo "
    "何He 林Lin 罗Luo 高Gao 郑Zheng 梁Liang 谢Xie 宋Song "
    "唐Tang 许Xu 邓Deng 冯Feng 韩Han 曹Cao 曾Zeng 彭Peng "
    "萧Xiao 蔡Cai 潘Pan 田Tian 董Dong 袁Yuan 于Yu 余Yu "
    "叶Ye 蒋Jiang 杜Du 苏Su 魏Wei 程Cheng 吕Lü 丁Ding "
    "沈Shen 任Ren 姚Yao 卢Lu 傅Fu 钟Zhong 姜Jiang 崔Cui "
    "谭Tan 廖Liao 范Fan 汪Wang 陆Lu 金Jin 石Shi 戴Dai "
    "贾Jia 韦Wei 夏Xia 邱Qiu 方Fang 侯Hou 邹Zou 熊Xiong "
    "孟Meng 秦Qin 白Bai"
).split()  # fmt: skip
#: Characters of given names with their reading.
CHINESE_GIVEN: Final = (
    "伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei "
    "军jun 洋yang 勇yong 艳yan 杰jie 娟juan 涛tao 明ming "
    "超chao 秀xiu 霞xia 平ping 刚gang 桂gui 英ying 华hua "
    "玉yu 兰lan 文wen 辉hui 玲ling 鹏peng 飞fei 红hong "
    "梅mei 佳jia 宇yu 浩hao 然ran 子zi 轩xuan 雨yu 涵han "
    "欣xin 怡yi 思si 琪qi 俊jun 凯kai 晨chen 博bo 雅ya "
    "婷ting 雪xue 莹ying 瑞rui 嘉jia 诗shi 梦meng 晓xiao "
    "东dong 海hai 志zhi 建jian 国guo 云yun 天tian 宏hong "
    "立li 永yong 春chun 林lin 清qing 新xin 悦yue 宁ning "
    "航hang 阳yang 睿rui 泽ze 远yuan"
).split()  # fmt: skip

#: way of naming -> (given names, family names)
NAMES: Final[dict[str, tuple[str, str]]] = {
    "japanese": (
        "Haruto Yuto Sota Ren Kaito Hiroshi Kenji Takashi Daiki Naoki Yui Aoi Hina Sakura Yuna "
        "Misaki Keiko Akiko Naomi Emi Ryo Shota Yoko Mai",
        "Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada "
        "Sasaki Matsumoto Inoue Kimura Hayashi Shimizu Mori Abe Ikeda Hashimoto Ishikawa Ogawa",
    ),
    "korean": (
        "Min-jun Seo-jun Do-yun Ji-ho Hyun-woo Sung-min Joon-ho Tae-yang Seo-yeon Ji-woo Min-seo "
        "Ha-eun Soo-jin Eun-ji Yuna Hye-jin Jae-won Dong-hyun Mi-kyung Kyung-soo",
        "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn Song Yoo Hong",
    ),
    "vietnamese": (
        "Anh Minh Hùng Dũng Tuấn Long Quang Huy Nam Sơn Lan Hương Mai Linh Thảo Trang Ngọc Hà Phương "
        "Yến",
        "Nguyễn Trần Lê Phạm Hoàng Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý",
    ),
    "southeast": (
        "Somchai Niran Anong Siriporn Budi Agus Dewi Sari Putri Rizal Aminah Hafiz Nurul Maria Jose "
        "Angelo Grace Aung Thida Sokha Dara Rina Arif Wati",
        "Wongsakul Srisuk Charoen Santoso Wijaya Hidayat Pratama Rahman Abdullah Ismail Santos Reyes "
        "Cruz Bautista Garcia Tun Win Sok Chan Phan Suwan Halim Kusuma Ramos",
    ),
    "indian": (
        "Aarav Arjun Rohan Vikram Rahul Sanjay Anil Rajesh Kiran Deepak Priya Ananya Kavya Neha Pooja "
        "Lakshmi Meera Sunita Divya Asha Nimal Tharindu Farhana Suresh",
        "Sharma Patel Singh Kumar Gupta Reddy Iyer Nair Rao Mehta Joshi Das Bose Khan Perera Fernando "
        "Silva Thapa Shrestha Ahmed Hossain Chowdhury Menon Verma",
    ),
    "arabic": (
        "Mohammed Ahmed Omar Khalid Youssef Hassan Ali Tariq Faisal Sami Fatima Aisha Layla Mariam "
        "Noor Huda Salma Rania Zahra Amina Karim Nabil Walid Dina",
        "Al-Farsi Al-Harbi Al-Mansouri Haddad Khoury Nasser Saleh Hamdan Aziz Mahmoud El-Sayed Benali "
        "Bouzid Cherif Mansour Othman Rashid Sabbagh Tahir Younis Zidan Ibrahim Qasim Suleiman",
    ),
    "persian": (
        "Ali Reza Amir Hossein Mehdi Farhad Omid Bilal Imran Usman Zahra Maryam Sara Leila Nasrin "
        "Parisa Shirin Ayesha Sana Rustam",
        "Ahmadi Hosseini Karimi Rahimi Moradi Jafari Rezaei Kazemi Noori Rahmani Khan Malik Butt "
        "Chaudhry Qureshi Rahmonov Sharifi Akbari Farahani Siddiqui",
    ),
    "turkic": (
        "Mehmet Mustafa Emre Can Burak Aydin Nursultan Timur Rustam Bekzat Ayşe Elif Zeynep Merve "
        "Aigerim Dinara Gulnara Leyla Madina Saule",
        "Yılmaz Kaya Demir Çelik Şahin Öztürk Aliyev Mammadov Nazarbekov Karimov Akhmetov Bekov "
        "Tursunov Sadykov Ganbaatar Yusupov Rahimov Aksoy Polat Kurt",
    ),
    "slavic": (
        "Ivan Dmitri Alexei Sergei Pavel Nikolai Marek Jan Tomasz Luka Olga Anna Natalia Irina Elena "
        "Katarzyna Ewa Milena Jana Ivana Petr Stefan Viktor Vesna",
        "Ivanov Petrov Smirnov Volkov Kovalenko Shevchenko Novak Horvat Kowalski Wojcik Nowak Dvorak "
        "Svoboda Jovanovic Popovic Dimitrov Georgiev Kovac Zielinski Morozov Sokolov Bondarenko",
    ),
    "baltic": (
        "Jonas Lukas Matas Janis Andris Kristjan Mart Mikko Juhani Antti Aino Liisa Kaisa Inga Ruta "
        "Egle Liga Kadri Maarika Sanna",
        "Kazlauskas Petrauskas Berzins Kalnins Ozols Tamm Saar Sepp Korhonen Virtanen Mäkinen "
        "Nieminen Mäkelä Laine Heikkinen Jankauskas",
    ),
    "nordic": (
        "Lars Erik Anders Johan Magnus Nils Ola Bjørn Henrik Mads Ingrid Astrid Karin Freja Sigrid "
        "Liv Maja Elsa Signe Guðrún",
        "Andersson Johansson Nilsson Eriksson Hansen Olsen Larsen Berg Dahl Lund Jensen Nielsen "
        "Pedersen Madsen Holm Lindqvist Sandström Haugen Einarsson Strand",
    ),
    "germanic": (
        "Jonas Lukas Felix Maximilian Stefan Thomas Andreas Pieter Jan Willem Anna Lena Julia Sophie "
        "Katharina Claudia Anneke Femke Greta Ursula Bram Matthias Urs Petra",
        "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Hoffmann Keller Huber Gruber "
        "de Vries van Dijk Jansen Bakker Peeters Maes Claes Zimmermann Vogel Brunner Schäfer Koch",
    ),
    "romance": (
        "Pierre Louis Antoine Julien Marco Luca Matteo Giulia Chiara Sofia Francesca Camille Léa "
        "Manon Claire Andrei Mihai Elena Ioana Élise Paolo Giorgio Nathalie Hugo",
        "Martin Bernard Dubois Moreau Laurent Lefèvre Rossi Russo Ferrari Esposito Bianchi Romano "
        "Colombo Ricci Popescu Ionescu Fontaine Girard Mercier Conti Greco Marchand",
    ),
    "spanish": (
        "Carlos Juan Miguel Javier Alejandro Diego Luis Andrés María Carmen Lucía Sofía Valentina "
        "Camila Isabel Elena Ana Gabriela Mateo Rafael",
        "García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Díaz Torres Ramírez "
        "Flores Morales Vargas Castillo Rojas Mendoza Herrera Navarro",
    ),
    "portuguese": (
        "João Pedro Tiago Rui Miguel Paulo Rafael Bruno Ana Beatriz Mariana Inês Catarina Juliana "
        "Larissa Camila Nelson Celeste Luís Teresa",
        "Silva Santos Oliveira Souza Pereira Costa Ferreira Almeida Carvalho Ribeiro Gomes Martins "
        "Rocha Barbosa Neto Tavares Cardoso Teixeira dos Anjos Pinto",
    ),
    "english": (
        "James Oliver Jack William Thomas Daniel Michael David Sarah Emma Charlotte Olivia Grace Emily "
        "Hannah Rachel Chloe Lucy Ethan Noah Liam Megan Alice Samuel",
        "Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker "
        "White Roberts Green Hall Wood Clarke Murphy Kelly O'Brien Campbell Stewart",
    ),
    "hellenic": (
        "Nikos Giorgos Dimitris Eleni Maria Katerina Aram Tigran Davit Giorgi Nino Ketevan Noa Yael "
        "Avi Arben Elira László Zsófia Bence",
        "Papadopoulos Georgiou Nikolaidis Ioannou Petrosyan Hakobyan Beridze Lomidze Cohen Levi Mizrahi "
        "Hoxha Nagy Szabó Tóth Kovács Horváth Andreou",
    ),
    "westafrican": (
        "Kwame Kofi Chinedu Emeka Tunde Ibrahim Moussa Ousmane Amadou Yao Ama Abena Ngozi Amara Chioma "
        "Aminata Fatou Awa Mariama Aya Didier Koffi Blessing Femi",
        "Mensah Owusu Okafor Okonkwo Adeyemi Balogun Diallo Traoré Keïta Ndiaye Diop Sow Touré Koné "
        "Ouattara Mbemba Nkosi Kabongo Eze Asante Boateng Fofana Camara Sarr",
    ),
    "eastafrican": (
        "John Joseph Daniel Brian Kevin Tendai Thabo Sipho Abebe Dawit Grace Faith Mercy Wanjiru Achieng "
        "Naledi Thandiwe Hanna Selam Neema Juma Jean Aline Rado",
        "Mwangi Otieno Kamau Ochieng Mushi Nyerere Banda Phiri Moyo Ncube Dlamini Nkosi Botha van Wyk "
        "Tadesse Bekele Haile Uwimana Mugisha Okello Rakoto Tembo Ndlovu",
    ),
}  # fmt: skip

#: Titles by rank, English and Chinese.
TITLES: Final = (
    ("Managing Director", "总经理"), ("Sales Manager", "销售经理"), ("Project Manager", "项目经理"),
    ("Head of Purchasing", "采购主管"), ("Marketing Director", "市场总监"), ("Engineer", "工程师"),
    ("Business Developer", "业务拓展经理"), ("Consultant", "顾问"), ("Analyst", "分析师"),
    ("Founder", "创始人"), ("Chief Technology Officer", "技术总监"), ("Buyer", "采购员"),
    ("Product Manager", "产品经理"), ("Trade Officer", "贸易专员"), ("Researcher", "研究员"),
    ("Operations Manager", "运营经理"), ("Customer Success Lead", "客户成功主管"),
    ("Finance Director", "财务总监"), ("Export Manager", "出口经理"), ("Lecturer", "讲师"),
)  # fmt: skip
